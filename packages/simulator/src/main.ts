#!/usr/bin/env node
import { writeFile } from "node:fs/promises";
import { systemClock } from "@weftmesh/core";
import { simulateCommand } from "./command/simulate-command.ts";
import { scenarios } from "./scenarios/catalog.ts";

// A reader that has seen enough, as `head` does, is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await simulateCommand(
  process.argv.slice(2),
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    env: process.env,
    clock: systemClock,
    writeFile: (path, text) => writeFile(path, text),
  },
  scenarios,
);
