// A server on npm's fuse-native: fuse-native FOLDER. The file is FOLDER/file. Prints "ready" when it is there.
// It has no option for direct I/O; libfuse 2 takes one that comes along with another. NODE_PATH leads to the package.

const Fuse = require("fuse-native");

const contents = Buffer.alloc(128 * 1024);
const then = new Date();

function stat(mode, size) {
  return { mtime: then, atime: then, ctime: then, nlink: 1, size, mode, uid: 0, gid: 0 };
}

const operations = {
  getattr: (path, done) => done(0, path === "/" ? stat(0o40755, 4096) : stat(0o100600, 0)),
  open: (_path, _flags, done) => done(0, 1),
  release: (_path, _fd, done) => done(0),
  read(_path, _fd, buffer, length, _position, done) {
    buffer.set(contents.subarray(0, length));
    done(length);
  },
  write: (_path, _fd, _buffer, length, _position, done) => done(length),
};

const fuse = new Fuse(process.argv[2], operations, { force: true, fsname: "bench,direct_io" });
fuse.mount((error) => {
  if (error) throw error;
  process.stdout.write("ready\n");
});
process.once("SIGTERM", () => fuse.unmount(() => process.exit(0)));
