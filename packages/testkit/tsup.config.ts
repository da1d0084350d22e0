import { defineConfig, type Options } from "tsup";
import base from "../../tsup.base.ts";

const options: Options | Options[] | ((overrides: Options) => Options | Options[] | Promise<Options | Options[]>) =
  defineConfig({
    ...(base as Options),
    entry: ["src/index.ts", "src/setup.ts", "src/certificates.ts", "src/http1-payloads.ts", "src/http2-floods.ts"],
  });
export default options;
