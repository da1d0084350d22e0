// Loaded into a process under test with --import and --expose-gc: collects garbage now and then, and says what is left.
const everyMs = Number(process.env["WEFT_HEAP_REPORT_MS"] ?? 5000);
setInterval(() => {
  globalThis.gc();
  const { heapUsed, rss, external } = process.memoryUsage();
  process.stdout.write(`heap-report ${JSON.stringify({ heapUsed, rss, external })}\n`);
}, everyMs).unref();
