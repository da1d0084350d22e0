import { Dtab, Path, newInterpreter } from "@weftmesh/naming";
const doubling = Array.from({ length: 30 }, (_, i) => `/x${i} => /x${i + 1} & /x${i + 1}`).join(";");
    const cases: [string, string][] = [
      [`${doubling}; /x30 => /#/n/a`, "/x0"],
      [`${doubling.replaceAll("&", "|")}`, "/x0"],
      ["/a => /a & /a & /a", "/a"],
      [`/a => ${Array.from({ length: 2000 }, () => "/a").join(" & ")}`, "/a"],
      [`/a => /a${"/x".repeat(2000)} & /a${"/y".repeat(2000)}`, "/a"],
      [Array.from({ length: 10_000 }, () => "/a => /a").join(";"), "/a"],
      [`/a => ${"(".repeat(199)}/a${" & /b)".repeat(199)}`, "/a"],
      [Array.from({ length: 10_000 }, () => "/a => /a & /a").join(";"), "/a"],
    ];
for (const [d,p] of cases) { const dtab = Dtab.read(d); const path = Path.read(p); 
 let best=1e9, text=''; for (let i=0;i<6;i++){ const t=performance.now(); const s= newInterpreter().bind(dtab, path).sample(); best=Math.min(best,performance.now()-t); text=(s as any).error?.code ?? s.state;} console.log(d.slice(0,30), best.toFixed(1), text); }
