import { program } from "../../tsup.program.ts";

/** Beside the program itself, what plugins share with it. */
export default { ...program, entry: { ...program.entry, library: "src/library.ts" } };
