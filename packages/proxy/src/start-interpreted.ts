import { setFlagsFromString } from "node:v8";

/** Whoever gave V8 one of these has reasons to. */
const chosen = /^--(no-?)?(jitless|opt|turbofan|sparkplug)$/;

/** In chars. A longer config is work enough for compiled code to pay. */
const longConfig = 65_536;

/**
 * Has V8 interpret what runs from here on, until the function that is returned is called.
 *
 * For a process that starts: what reads a config runs once, and the machine code that V8 would make of it stays in memory,
 * as do the pages of the compilers themselves (ADR 0032). Nothing changes where the config is long, or the command line
 * of Node says which of its compilers V8 is to use.
 */
export function interpretOnly(config: string): () => void {
  if (config.length > longConfig) return () => {};
  const given = [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  if (given.some((option) => chosen.test(option))) return () => {};
  setFlagsFromString("--no-opt");
  setFlagsFromString("--no-sparkplug");
  return () => {
    setFlagsFromString("--opt");
    setFlagsFromString("--sparkplug");
  };
}
