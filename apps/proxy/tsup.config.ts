import { program } from "../../tsup.program.ts";

/** Beside the program itself, an entry for each of its packages that plugins share with it. */
export default { ...program, entry: ["src/main.ts", "src/shared/*.ts"] };
