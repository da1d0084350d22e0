/** One sample line of the text format. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: readonly (readonly [string, string])[];
  readonly value: number;
}

/**
 * Reads the text format, version 0.0.4, by its grammar and strictly: throws at the first line that does not follow it.
 * Comments other than HELP and TYPE are let pass, as the format says.
 */
export function parseExposition(text: string): readonly ParsedSample[] {
  if (text !== "" && !text.endsWith("\n")) throw new Error("the last line has no end");
  const samples: ParsedSample[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (line.startsWith("#")) {
      checkComment(line);
      continue;
    }
    samples.push(parseSample(line));
  }
  return samples;
}

function checkComment(line: string): void {
  const words = line.split(" ");
  if (words[1] === "TYPE" && !/^# TYPE [a-zA-Z_:][\w:]* (counter|gauge|histogram|summary|untyped)$/.test(line)) {
    throw new Error(`not a TYPE line: ${line}`);
  }
  if (words[1] === "HELP" && !/^# HELP [a-zA-Z_:][\w:]* /.test(line)) throw new Error(`not a HELP line: ${line}`);
}

function parseSample(line: string): ParsedSample {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)/.exec(line);
  if (head === null) throw new Error(`no name: ${line}`);
  const name = head[0];
  let at = name.length;
  const labels: (readonly [string, string])[] = [];
  if (line[at] === "{") {
    at++;
    while (line[at] !== "}") {
      const label = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(line.slice(at));
      if (label === null) throw new Error(`no label at ${at}: ${line}`);
      at += label[0].length;
      let value = "";
      while (line[at] !== '"') {
        if (at >= line.length) throw new Error(`a label's value does not end: ${line}`);
        if (line[at] === "\\") {
          at++;
          const escaped = { "\\": "\\", '"': '"', n: "\n" }[line[at] as string];
          if (escaped === undefined) throw new Error(`not an escape at ${at}: ${line}`);
          value += escaped;
        } else value += line[at];
        at++;
      }
      at++;
      labels.push([label[1] as string, value]);
      if (line[at] === ",") at++;
      else if (line[at] !== "}") throw new Error(`neither , nor } at ${at}: ${line}`);
    }
    at++;
  }
  const tail = /^ (NaN|[+-]Inf|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i.exec(line.slice(at));
  if (tail === null) throw new Error(`no value: ${line}`);
  const names = labels.map(([label]) => label);
  if (new Set(names).size !== names.length) throw new Error(`a label twice: ${line}`);
  return { name, labels, value: Number((tail[1] as string).replace("Inf", "Infinity")) };
}
