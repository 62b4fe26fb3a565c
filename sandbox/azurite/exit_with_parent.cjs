// Loaded into Azurite's Node (--require). Its standard input is a pipe whose other end only the starting process holds,
// so the end of input means that this process is gone, even after kill -9. A parent-death signal would not do: Linux
// sends it when the thread that started the child ends, and macOS has none.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM")); // which Azurite answers by saving its data
process.stdin.resume();
process.stdin.unref?.();
