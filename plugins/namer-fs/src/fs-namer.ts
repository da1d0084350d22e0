import { TextDecoder } from "node:util";
import { Activity, type ActivityState, type Clock, type Var } from "@weftmesh/core";
import {
  type Addr,
  type Bound,
  type HostResolver,
  leaf,
  type Namer,
  type NameTree,
  Neg,
  Path,
  type PrefixedNamer,
  pendingAddr,
} from "@weftmesh/naming";
import type { AdminHandler } from "@weftmesh/telemetry";
import type { FileSystem } from "./file-system.ts";
import { childPath, FileTree } from "./file-tree.ts";
import type { Place } from "./file-watch.ts";
import { type DirectoryState, directoryState } from "./namer-state.ts";
import { resolved } from "./resolved-addr.ts";

type Tree = NameTree<Path | Bound>;

export interface FsNamerOptions {
  /** Absolute. */
  readonly rootDir: string;
  /** Where it answers, below `/#`. */
  readonly prefix: Path;
  readonly clock: Clock;
  readonly fs: FileSystem;
  /** For files with host names in them. */
  readonly resolver: HostResolver;
}

const negative: Activity<Tree> = Activity.of<Tree>(Neg);
const pendingPlace: Place = { kind: "pending" };

/**
 * Names from a directory: each file holds the addresses of one name, directories nest, and the rest is the residual.
 *
 * Shape: files and directories are watched while somebody observes a name in them. An element that could lead out of
 * the directory names nothing.
 */
export class FsNamer implements PrefixedNamer, Namer {
  readonly prefix: Path;
  readonly adminHandlers: readonly AdminHandler[];
  readonly #idPrefix: Path;
  readonly #files: FileTree;
  readonly #resolver: HostResolver;

  constructor(options: FsNamerOptions) {
    this.prefix = options.prefix;
    this.#idPrefix = Path.of("#").concat(options.prefix);
    this.#resolver = options.resolver;
    this.#files = new FileTree(options.rootDir, options.fs, options.clock);
    this.adminHandlers = [
      {
        path: `/namer_state/${options.prefix.show.slice(1)}.json`,
        contentType: "application/json",
        render: () => JSON.stringify(this.state()),
      },
    ];
  }

  get namer(): Namer {
    return this;
  }

  lookup(path: Path): Activity<Tree> {
    return this.#lookup(this.#files.root, this.#idPrefix, path);
  }

  /** A name per entry of the root directory. */
  enumerate(): Activity<readonly Path[]> {
    return new Activity(
      this.#files.list(this.#files.root).map((names): ActivityState<readonly Path[]> => {
        if (names === undefined) return { state: "pending" };
        if (names instanceof Error) return { state: "failed", error: names };
        return { state: "ok", value: [...names].sort().map((name) => this.#idPrefix.concat(Path.utf8(name))) };
      }),
    );
  }

  /** What is watched now, as `/namer_state/io.l5d.fs.json` shows it. */
  state(): DirectoryState {
    return directoryState(this.#files);
  }

  /** Directories that are watched or polled now. */
  get watchedDirectories(): number {
    return this.#files.directories.size;
  }

  #lookup(directory: string, idPrefix: Path, path: Path): Activity<Tree> {
    const name = fileName(path.elems[0]);
    if (name === undefined) return negative;
    const id = idPrefix.concat(path.take(1));
    const rest = path.drop(1);
    const place = this.#files.follow(directory, name, pendingPlace, (watch) => watch.place);
    const bound = leaf<Path | Bound>({
      id,
      residual: rest,
      addr: this.#files
        .follow<Addr>(directory, name, pendingAddr, (watch) => watch.addr)
        .flatMap((addr) => resolved(addr, this.#resolver)),
    });
    return new Activity(
      place.flatMap((each): Var<ActivityState<Tree>> => {
        if (each.kind === "directory") return this.#lookup(childPath(directory, name), id, rest).run;
        if (each.kind === "file") return Activity.of<Tree>(bound).run;
        if (each.kind === "failed") return Activity.failed(each.error).run;
        return each.kind === "missing" ? negative.run : Activity.pending.run;
      }),
    );
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The element as the name of something in a directory; `undefined` when it is none, or could lead elsewhere. */
function fileName(elem: string | undefined): string | undefined {
  if (elem === undefined || elem === "." || elem === ".." || /[/\\\0]/.test(elem)) return undefined;
  try {
    return utf8.decode(Buffer.from(elem, "latin1"));
  } catch {
    return undefined;
  }
}
