export { program as default } from "../../tsup.program.ts";
