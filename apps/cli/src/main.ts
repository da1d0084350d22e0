#!/usr/bin/env node
import { newProgram } from "./program.ts";

// A reader that has seen enough, as `head` does, is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await newProgram({
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
}).run(process.argv.slice(2));
