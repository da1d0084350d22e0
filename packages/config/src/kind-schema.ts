import * as z from "zod";
import { nearest } from "./nearest.ts";
import { type Alternative, type Choice, type Refusal, switchSchema } from "./schema-switch.ts";

/** An object whose `kind`, or another key, says which further keys it has. */
export interface KindTable<Out> {
  /** What one of them is called in messages: `namer`. */
  readonly noun: string;
  readonly plural: string;
  /** The key that tells: `kind`, or `protocol` for routers. */
  readonly discriminator: string;
  /** The kind of an object without that key. */
  readonly defaultKind?: string;
  /** Keys that every kind has, beside the discriminator. */
  readonly common?: z.ZodRawShape;
  kinds(): readonly string[];
  /** The schema of a kind's own keys; always for one that `kinds` lists. */
  body(kind: string): z.ZodType | undefined;
  /** What to say of a kind that is known but not here. */
  absent?(kind: string): string | undefined;
  /** What else may stand against a known kind. */
  objection?(kind: string, raw: Readonly<Record<string, unknown>>): Refusal | undefined;
  build(kind: string, common: Record<string, unknown>, own: unknown): Out;
}

/** The schema of such an object. Unknown kinds are refused with the known ones and the nearest of them. */
export function kindSchema<Out>(table: KindTable<Out>): z.ZodType<Out> {
  const common = z.strictObject(table.common ?? {});
  const key = table.discriminator;
  const head = (kind: string | undefined): z.ZodObject => {
    const own = kind === undefined ? z.string() : z.literal(kind);
    const described = own.describe(`Which ${table.noun} this is`);
    const field = table.defaultKind === undefined ? described : described.default(table.defaultKind as never);
    return z.strictObject({ [key]: field, ...common.shape });
  };
  const heads = new Map<string, z.ZodObject>();
  const headOf = (kind: string): z.ZodObject => {
    const made = heads.get(kind) ?? head(kind);
    heads.set(kind, made);
    return made;
  };
  const expects = `an object with a ${key}`;
  return switchSchema<Out>({
    expects,
    choose: (raw): Choice | Refusal => {
      if (!isObject(raw)) return { rule: raw === undefined ? "missingKey" : "wrongType", path: [], expected: expects };
      const given = Object.hasOwn(raw, key) ? raw[key] : table.defaultKind;
      if (given === undefined) return missingKind(table, Object.keys(raw));
      if (typeof given !== "string") return { rule: "wrongType", path: [key], expected: kindsOf(table) };
      const body = table.body(given);
      if (body === undefined) return unknownKind(table, given);
      return { schemas: [headOf(given), body], refusal: table.objection?.(given, raw) };
    },
    alternatives: (): Alternative[] =>
      table.kinds().flatMap((kind) => {
        const body = table.body(kind);
        return body === undefined ? [] : [{ name: `${table.noun} ${kind}`, schemas: [headOf(kind), body] }];
      }),
    build: (raw, [fixed, own]) => {
      const { [key]: kind, ...rest } = fixed as Record<string, unknown>;
      return table.build(String(kind ?? (raw as Record<string, unknown>)[key]), rest, own);
    },
  });
}

/** The bodies of a table by kind, each made when it is first asked for: most configs name few of the kinds there are. */
export function bodiesByKind(
  makers: Readonly<Record<string, () => z.ZodType>>,
): Pick<KindTable<unknown>, "kinds" | "body"> {
  const made = new Map<string, z.ZodType>();
  return {
    kinds: () => Object.keys(makers),
    body: (kind) => {
      const known = made.get(kind);
      const maker = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
      if (known !== undefined || maker === undefined) return known;
      const schema = maker();
      made.set(kind, schema);
      return schema;
    },
  };
}

export function isObject(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

function kindsOf(table: KindTable<unknown>): string {
  const kinds = table.kinds();
  if (kinds.length === 0) return `a kind of ${table.noun}, of which this build has none`;
  return kinds.length === 1 ? String(kinds[0]) : `one of ${kinds.join(", ")}`;
}

function missingKind(table: KindTable<unknown>, given: readonly string[]): Refusal {
  const typo = nearest(table.discriminator, given);
  const near = typo === undefined ? {} : { nearest: typo };
  return { rule: "missingKey", path: [table.discriminator], expected: kindsOf(table), ...near };
}

function unknownKind(table: KindTable<unknown>, kind: string): Refusal {
  const path = [table.discriminator];
  const kinds = table.kinds();
  const here = kinds.length === 0 ? "none" : kinds.join(", ");
  const absent = table.absent?.(kind);
  if (absent !== undefined) return { rule: "plannedKind", path, message: `${absent}; ${table.plural} here: ${here}` };
  const near = nearest(kind, kinds);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return {
    rule: "unknownKind",
    path,
    message: `unknown ${table.noun} ${JSON.stringify(kind.slice(0, 80))}; ${table.plural} here: ${here}${hint}`,
    expected: kindsOf(table),
    ...(near === undefined ? {} : { nearest: near }),
  };
}
