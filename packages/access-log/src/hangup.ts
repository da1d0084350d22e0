/** Calls `fn` whenever the process is sent SIGHUP, until what this returns is called. */
export function onHangup(fn: () => void): () => void {
  process.on("SIGHUP", fn);
  return () => {
    process.off("SIGHUP", fn);
  };
}
