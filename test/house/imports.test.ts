/** Who may import whom: the arrows of the design, checked on every import of every package. */
import t from 'tap';
import {
  filesUnder,
  type Import,
  importsOf,
  importsOfPackage,
  isRelative,
  moduleName,
  packageNames,
  read,
  targetOf,
  workspaceName,
} from './tree.js';

/** What each package may import of the others. A service never imports another service: they meet on the wire. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  engine: ['core'],
  'remote-engine': ['core', 'engine'],
  tokenizer: ['core'],
  bus: ['core'],
  service: ['core', 'bus'],
  replay: ['core', 'bus', 'service'],
  actor: ['core', 'bus', 'service', 'tokenizer', 'engine', 'remote-engine'],
  reward: ['core', 'bus', 'service', 'tokenizer'],
  trainer: ['core', 'bus', 'service', 'tokenizer', 'engine'],
  controller: ['core', 'bus', 'service', 'tokenizer'],
  client: ['core', 'bus'],
  cli: ['core', 'tokenizer', 'bus', 'client'],
};

/** Libraries with traps, each behind the one place that knows them. */
const onlyIn: Readonly<Record<string, RegExp>> = {
  msgpackr: /^packages\/bus\/src\/(.*\/)?codec/,
  lmdb: /^packages\/replay\/src\//,
  'onnxruntime-node': /^packages\/engine\/src\//,
  nats: /^packages\/bus\/src\//,
  'nkeys.js': /^packages\/bus\/src\//,
  '@peculiar/x509': /^packages\/cli\/src\/security\/certificates\.ts$/,
  '@grpc/proto-loader': /^packages\/bus\/src\//,
  '@huggingface/tokenizers': /^packages\/tokenizer\/src\//,
};

function unique(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))].sort();
}

function describe(imports: readonly Import[]): string[] {
  return imports.map(({ file, specifier }) => `${file} imports ${specifier}`);
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

function manifestOf(name: string): Manifest {
  return JSON.parse(read(`packages/${name}/package.json`));
}

t.test('every package has a rule', async (t) => {
  t.strictSame([...packageNames].sort(), Object.keys(mayImport).sort());
});

for (const [name, allowed] of Object.entries(mayImport)) {
  t.test(`packages/${name} imports ${allowed.join(', ') || 'no other package'}`, async (t) => {
    const imports = importsOfPackage(name);
    const forbidden = imports.filter((one) => {
      const other = workspaceName(one);
      return other !== null && !allowed.includes(other);
    });
    t.strictSame(describe(forbidden), [], 'no import against the arrows');
    const outside = imports.filter((one) => isRelative(one) && !targetOf(one).startsWith(`packages/${name}/src/`));
    t.strictSame(describe(outside), [], 'no relative import leaves the package');

    const imported = unique(imports.map(workspaceName));
    const dependencies = Object.keys(manifestOf(name).dependencies ?? {});
    const workspaceDependencies = dependencies.filter((one) => one.startsWith('@segue/')).map((one) => one.slice(7));
    t.strictSame(workspaceDependencies.sort(), imported, 'package.json names the packages that are imported');
    const references: { path: string }[] = JSON.parse(read(`packages/${name}/tsconfig.json`)).references;
    const referenced = references.map(({ path }) => path.replace('../', '')).sort();
    t.strictSame(referenced, imported, 'tsconfig.json references the packages that are imported');

    const external = unique(imports.map(externalName));
    const libraries = dependencies.filter((one) => !one.startsWith('@segue/')).sort();
    t.strictSame(libraries, external, 'package.json names the libraries that are imported');
  });
}

function externalName(one: Import): string | null {
  if (isRelative(one) || one.specifier.startsWith('node:') || workspaceName(one) !== null) return null;
  return moduleName(one.specifier);
}

t.test('core is pure: the schema library and nothing of the system', async (t) => {
  const impure = importsOfPackage('core').filter((one) => !isRelative(one) && one.specifier !== 'zod');
  t.strictSame(describe(impure), []);
});

t.test('the graph builder knows nothing of language models', async (t) => {
  const files = filesUnder('packages/engine/src/graph', ['.ts']);
  const outside = files
    .flatMap(importsOf)
    .filter((one) => isRelative(one) && !targetOf(one).startsWith('packages/engine/src/graph/'));
  t.strictSame(describe(outside), []);
});

t.test('libraries with traps stay behind one place', async (t) => {
  const all = packageNames.flatMap(importsOfPackage);
  for (const [library, place] of Object.entries(onlyIn)) {
    const elsewhere = all.filter((one) => moduleName(one.specifier) === library && !place.test(one.file));
    t.strictSame(describe(elsewhere), [], `${library} is imported in ${place.source} alone`);
  }
});

t.test('no files import each other in a circle', async (t) => {
  for (const name of packageNames) {
    const graph = new Map<string, string[]>();
    for (const one of importsOfPackage(name).filter(isRelative)) {
      graph.set(one.file, [...(graph.get(one.file) ?? []), targetOf(one)]);
    }
    t.equal(findCircle(graph), null, `packages/${name}`);
  }
});

/** A circle of the graph as `a -> b -> a`, or null. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): string | null {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file].join(' -> ');
    if (done.has(file)) return null;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle !== null) return circle;
    }
    path.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle !== null) return circle;
  }
  return null;
}
