// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading. An open file of a device, or of /dev/fusd, keeps the module. */
#include <linux/build_bug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "compat.h"
#include "internal.h"

struct class *fusd_class;
dev_t fusd_first_devt;
struct workqueue_struct *fusd_workqueue;

static struct miscdevice fusd_control = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "fusd",
	.fops = &fusd_control_fops,
	.mode = 0600,
};

static void fusd_check_abi(void)
{
	BUILD_BUG_ON(sizeof(struct fusd_head) != 16);
	BUILD_BUG_ON(sizeof(struct fusd_info) != 48);
	BUILD_BUG_ON(sizeof(struct fusd_create) != 152);
	BUILD_BUG_ON(sizeof(struct fusd_recover) != 88);
	BUILD_BUG_ON(sizeof(struct fusd_request) != 80);
	BUILD_BUG_ON(sizeof(struct fusd_reply) != 40);
	BUILD_BUG_ON(sizeof(struct fusd_area) != 16);
	BUILD_BUG_ON(sizeof(struct fusd_publish) != 32);
	BUILD_BUG_ON(sizeof(struct fusd_table) != 32);
	BUILD_BUG_ON(sizeof(struct fusd_command) != 16);
	BUILD_BUG_ON(sizeof(struct fusd_type) != 16);
	BUILD_BUG_ON(sizeof(struct fusd_link) != 40);
	BUILD_BUG_ON(sizeof(struct fusd_region) != 40);
	BUILD_BUG_ON(sizeof(struct fusd_keep) != 24);
	/* Request numbers are indexes, and time limits are jiffies. */
	BUILD_BUG_ON(sizeof(long) != 8);
}

static int __init fusd_init(void)
{
	int err;

	fusd_check_abi();
	err = fusd_region_init();
	if (err)
		return err;
	err = -ENOMEM;
	fusd_workqueue = alloc_workqueue("fusd", 0, 0);
	if (!fusd_workqueue)
		goto exit_region;
	err = alloc_chrdev_region(&fusd_first_devt, 0, FUSD_MINORS, "fusd");
	if (err)
		goto destroy_workqueue;
	fusd_class = fusd_class_create("fusd");
	if (IS_ERR(fusd_class)) {
		err = PTR_ERR(fusd_class);
		goto unregister_region;
	}
	err = misc_register(&fusd_control);
	if (err)
		goto destroy_class;
	return 0;

destroy_class:
	class_destroy(fusd_class);
unregister_region:
	unregister_chrdev_region(fusd_first_devt, FUSD_MINORS);
destroy_workqueue:
	destroy_workqueue(fusd_workqueue);
exit_region:
	fusd_region_exit();
	return err;
}

static void __exit fusd_exit(void)
{
	misc_deregister(&fusd_control);
	/* Orphans that nobody has open. */
	fusd_device_end_all();
	destroy_workqueue(fusd_workqueue);
	fusd_region_exit();
	class_destroy(fusd_class);
	unregister_chrdev_region(fusd_first_devt, FUSD_MINORS);
}

module_init(fusd_init);
module_exit(fusd_exit);

MODULE_DESCRIPTION("Character devices served by programs");
MODULE_AUTHOR("Devlift");
MODULE_LICENSE("GPL");
MODULE_ALIAS("devname:fusd");
