// SPDX-License-Identifier: MIT
/* ioctl(2) whose argument is a list or a tree: up to four levels, of which each is found in the one before. */
#include "ioctl-arguments.h"

static void list(const struct test *t)
{
	struct list *nodes = memory_new(4 * sizeof(*nodes));
	uint32_t total = 0, count = (uint32_t)t->a;

	for (uint32_t i = 0; i < 3; i++)
		nodes[i] = (struct list){ i + 10, i + 1 < count ? PTR(&nodes[i + 1]) : 0 };
	/* The third one's pointer is not followed: its schema has none. */
	nodes[2].next = PTR(memory_bad());
	for (uint32_t i = 0; i < count; i++)
		total += i + 10;
	GIVES(IOCTL(dev(O_RDWR), S_LIST, nodes), total);
	total = 0;
	for (uint32_t i = 0; i < 3; i++) {
		total += i + 10;
		SAME(nodes[i].value, i < count ? total : i + 10);
	}
	SAME(nodes[0].next, count > 1 ? PTR(&nodes[1]) : 0);
}

/* A list that is a ring ends where the schema does. */
static void ring(const struct test *t)
{
	struct list *nodes = memory_new(2 * sizeof(*nodes));

	nodes[0] = (struct list){ 5, PTR(&nodes[t->a - 1]) };
	nodes[1] = (struct list){ 7, PTR(&nodes[0]) };
	GIVES(IOCTL(dev(O_RDWR), S_LIST, nodes), t->a == 1 ? 15 : 17);
	SAME(nodes[0].value, t->a == 1 ? 15 : 17);
	SAME(nodes[0].next, PTR(&nodes[t->a - 1]));
	SAME(nodes[1].value, t->a == 1 ? 7 : 12);
}

static void bad_list(const struct test *t)
{
	struct list *nodes = memory_new(3 * sizeof(*nodes));

	for (int i = 0; i < 3; i++)
		nodes[i] = (struct list){ 1, PTR(&nodes[i + 1]) };
	nodes[t->a].next = PTR(wrong_address(t->b, sizeof(*nodes)));
	FAILS(IOCTL(dev(O_RDWR), S_LIST, nodes), EFAULT);
	SAME(nodes[0].value, 1);
}

struct whole_tree {
	struct tree root;
	struct branch branches[2];
	struct leaf leaves[2];
	uint8_t data[2][64];
};

static struct whole_tree *plant(uint32_t length)
{
	struct whole_tree *w = NEW(struct whole_tree);

	w->root = (struct tree){ 0, PTR(&w->branches[0]), PTR(&w->branches[1]) };
	for (int i = 0; i < 2; i++) {
		w->branches[i] = (struct branch){ PTR(&w->leaves[i]), 100 + (uint32_t)i };
		w->leaves[i] = (struct leaf){ length, PTR(w->data[i]) };
		patterned(w->data[i], 64);
	}
	return w;
}

static void tree(const struct test *t)
{
	size_t length = (size_t)t->a;
	struct whole_tree *w = plant((uint32_t)length);
	struct whole_tree before = *w;

	GIVES(IOCTL(dev(O_RDWR), S_TREE, w), 0);
	SAME(w->root.value, 201);
	SAME(w->root.left, before.root.left);
	SAME(w->root.right, before.root.right);
	for (int i = 0; i < 2; i++) {
		SAME(w->branches[i].value, 101 + i);
		SAME(w->branches[i].leaf, before.branches[i].leaf);
		TRUE(!memcmp(&w->leaves[i], &before.leaves[i], sizeof(w->leaves[i])));
		TRUE(is_flipped(w->data[i], length));
		TRUE(!memcmp(w->data[i] + length, before.data[i] + length, 64 - length));
	}
}

/* One branch twice: read twice, and what is written last stays. */
static void shared_branch(const struct test *t)
{
	struct whole_tree *w = plant(64);

	(void)t;
	w->root.right = w->root.left;
	GIVES(IOCTL(dev(O_RDWR), S_TREE, w), 0);
	SAME(w->root.value, 200);
	SAME(w->branches[0].value, 101);
	TRUE(is_flipped(w->data[0], 64));
	TRUE(is_untouched(w->data[1], 64));
}

static void broken_tree(const struct test *t)
{
	struct whole_tree *w = plant(64), before;
	ptr_t *places[] = { &w->root.left, &w->root.right, &w->branches[0].leaf, &w->branches[1].leaf,
			    &w->leaves[0].data, &w->leaves[1].data };

	*places[t->a] = PTR(t->b ? memory_bad() : NULL);
	before = *w;
	FAILS(IOCTL(dev(O_RDWR), S_TREE, w), EFAULT);
	TRUE(!memcmp(w, &before, sizeof(before)));
}

static void large_leaf(const struct test *t)
{
	struct whole_tree *w = plant(64);

	w->leaves[1].len = (uint32_t)t->a;
	FAILS(IOCTL(dev(O_RDWR), S_TREE, w), EINVAL);
	TRUE(is_untouched(w->data[0], 64));
}

static const char *const places[] = { "left", "right", "left-leaf", "right-leaf", "left-data", "right-data" };

CASES
{
	const unsigned n = NEEDS_UNRESTRICTED;

	for (long i = 1; i < 4; i++)
		add_with(list, n, i, 0, "ioctl/list/%ld", i);
	add_with(ring, n, 1, 0, "ioctl/list/to-itself");
	add_with(ring, n, 2, 0, "ioctl/list/ring");
	add_with(bad_list, n, 0, WRONG_UNMAPPED, "ioctl/list/first-leads-nowhere");
	add_with(bad_list, n, 1, WRONG_UNMAPPED, "ioctl/list/second-leads-nowhere");
	add_with(bad_list, n, 1, WRONG_KERNEL, "ioctl/list/second-leads-into-the-kernel");
	add_with(tree, n, 0, 0, "ioctl/tree/0");
	add_with(tree, n, 1, 0, "ioctl/tree/1");
	add_with(tree, n, 2, 0, "ioctl/tree/2");
	add_with(tree, n, 3, 0, "ioctl/tree/3");
	add_with(tree, n, 63, 0, "ioctl/tree/63");
	add_with(tree, n, 64, 0, "ioctl/tree/64");
	add_with(large_leaf, n, 65, 0, "ioctl/tree/65");
	add_with(large_leaf, n, -1, 0, "ioctl/tree/endless");
	add(shared_branch, n, "ioctl/tree/shared-branch");
	for (long i = 0; i < (long)COUNT(places); i++) {
		add_with(broken_tree, n, i, 0, "ioctl/tree/%s-null", places[i]);
		add_with(broken_tree, n, i, 1, "ioctl/tree/%s-unmapped", places[i]);
	}
}
