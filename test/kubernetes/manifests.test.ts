/**
 * deploy/kubernetes against Kubernetes' schemas and against itself: no misspelt field, every file, account, volume, secret and selector that is named is there,
 * every patch changes something. Overlays are built with kustomize where kubectl is installed. No cluster is needed, and none is tried.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { documentedMetrics } from '../../scripts/lib/metric-docs.mjs';
import { runSegue } from '../support/command.js';
import { documents, documentsOf, type Found, folder, type Manifest, readOverlay, titleOf } from './manifests.js';
import { misfits } from './schema.js';

const overlays = readdirSync(join(folder, 'overlays')).map((name) => readOverlay(`overlays/${name}`));
const base = readOverlay('base');
const baseDocuments = base.resources.flatMap(documentsOf);

t.test('a misspelt field fails the check', async (t) => {
  const good = (spec: object) => [
    { file: 'x', manifest: { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' }, spec } as Manifest },
  ];
  const selector = { matchLabels: { a: 'b' } };
  const container = { name: 'x', image: 'x', readinessProbe: { httpGet: { port: 1 } } };
  const template = (extra: object) => ({ spec: { containers: [{ ...container, ...extra }] } });
  t.strictSame(misfits(good({ selector, template: template({}) }), 'whole'), []);
  t.match(misfits(good({ selector, template: template({}), replica: 2 }), 'whole'), [/'replica' does not exist/]);
  t.match(misfits(good({ selector, template: template({ livenesProbe: {} }) }), 'whole'), [
    /'livenesProbe' does not exist/,
  ]);
  t.match(misfits(good({ selector, template: template({}), replicas: 'two' }), 'whole'), [
    /not assignable to type 'number'/,
  ]);
  t.match(misfits(good({ template: template({}) }), 'whole'), [/'selector' is missing/]);
  t.strictSame(misfits(good({ replicas: 2 }), 'patch'), []);
  t.match(misfits(good({ template: template({ comand: [] }) }), 'patch'), [/'comand' does not exist/]);
});

t.test('every manifest fits its schema', async (t) => {
  t.strictSame(misfits(baseDocuments, 'whole'), []);
  for (const { name, merges } of overlays) t.strictSame(misfits(merges, 'patch'), [], name);
});

t.test('every file that is named is there, and every patch changes something', async (t) => {
  const known = ['apiVersion', 'kind', 'namespace', 'resources', 'patches', 'images'];
  for (const overlay of [base, ...overlays]) {
    t.strictSame(overlay.missing, [], overlay.file);
    t.strictSame(
      overlay.keys.filter((key) => !known.includes(key)),
      [],
      overlay.file,
    );
    for (const patch of overlay.merges) {
      const { kind, metadata } = patch.manifest;
      t.ok(
        baseDocuments.some(({ manifest }) => manifest.kind === kind && manifest.metadata.name === metadata.name),
        titleOf(patch),
      );
    }
    for (const { file, kind, name, ops } of overlay.operations) {
      const targets = baseDocuments.filter(
        ({ manifest }) => kind.test(manifest.kind) && name.test(manifest.metadata.name),
      );
      t.ok(targets.length > 0, `${file} has a target`);
      for (const { op, path } of ops.filter((one) => one.op !== 'add'))
        for (const target of targets)
          t.ok(at(target.manifest, path) !== undefined, `${file} can ${op} ${path} of ${titleOf(target)}`);
    }
  }
  const images = new Set(base.images);
  for (const { images: named, name } of overlays)
    t.strictSame(
      named.filter((one) => !images.has(one)),
      [],
      name,
    );
});

const kubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
for (const { name } of [base, ...overlays]) {
  const skip = !kubectl && 'no kubectl on PATH to build it with';
  t.test(`${name} as kustomize builds it`, { skip }, async (t) => {
    const { status, stdout, stderr } = spawnSync('kubectl', ['kustomize', join(folder, name)], { encoding: 'utf8' });
    t.equal(status, 0, stderr);
    const built = documents(stdout, name);
    t.strictSame(misfits(built, 'whole'), []);
    t.strictSame(loose(built), []);
  });
}

t.test('what the base names is there', async (t) => t.strictSame(loose(baseDocuments), []));

t.test('every workload is without rights, limited and probed', async (t) => {
  for (const found of baseDocuments) {
    const pod = podOf(found.manifest);
    if (!pod) continue;
    const title = titleOf(found);
    t.equal(pod.spec.automountServiceAccountToken, false, title);
    t.match(pod.spec.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, title);
    for (const container of pod.spec.containers) {
      const restricted = {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      };
      t.match(
        container,
        { securityContext: restricted, resources: { requests: {}, limits: { memory: String } } },
        title,
      );
      if (found.manifest.kind === 'CronJob') continue;
      t.match(container, { startupProbe: {}, readinessProbe: {}, livenessProbe: {} }, title);
    }
  }
});

t.test('the metric that the autoscaler asks for is one that the adapter is told to serve', async (t) => {
  const values = parse(readFileSync(join(folder, 'prometheus-adapter-values.yaml'), 'utf8'));
  const scaler = baseDocuments.find(({ manifest }) => manifest.kind === 'HorizontalPodAutoscaler');
  const { name, selector } = Object(at(scaler?.manifest, '/spec/metrics/0/external/metric'));
  t.match(values.rules.external, [{ seriesQuery: name, resources: { namespaced: false } }]);
  const metric = documentedMetrics.find((one) => one.name === name);
  t.strictSame(metric?.labels.slice().sort(), Object.keys(selector.matchLabels).sort());
});

t.test('snapshots are taken with flags that the command knows', async (t) => {
  const job = baseDocuments.find(({ manifest }) => manifest.kind === 'CronJob');
  const args = podOf(job!.manifest)?.spec.containers[0]?.args ?? [];
  const { stdout, code } = await runSegue(...args.slice(1, 3), '--help');
  t.equal(code, 0);
  for (const flag of args.filter((word) => word.startsWith('--'))) t.match(stdout, `${flag} `, flag);
});

interface Pod {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken?: boolean;
    readonly securityContext?: object;
    readonly containers: readonly {
      readonly name: string;
      readonly args?: readonly string[];
      readonly volumeMounts: readonly { readonly name: string }[];
    }[];
    readonly volumes: readonly {
      readonly name: string;
      readonly configMap?: { readonly name: string };
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
  };
}

/** The pod that a workload makes; null for what makes none. */
function podOf(manifest: Manifest): Pod | null {
  const path = manifest.kind === 'CronJob' ? '/spec/jobTemplate/spec/template' : '/spec/template';
  const found = at(manifest, path);
  // What a template holds has been checked against its schema.
  return found === undefined ? null : (found as Pod);
}

function at(value: unknown, path: string): unknown {
  const step = (inner: unknown, key: string) =>
    typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined;
  return path.split('/').slice(1).reduce(step, value);
}

/** Names that lead nowhere. Secrets are not looked for: `segue credentials` makes them. */
function loose(found: readonly Found[]): string[] {
  const names = (kind: string) =>
    found.filter(({ manifest }) => manifest.kind === kind).map(({ manifest }) => manifest.metadata.name);
  const pods = found.map(({ manifest }) => podOf(manifest)).filter((pod) => pod !== null);
  const [accounts, maps] = [names('ServiceAccount'), names('ConfigMap')];
  const claims = [...names('PersistentVolumeClaim'), ...found.flatMap(({ manifest }) => claimsOf(manifest))];
  return found.flatMap((one) => {
    const lines: string[] = [];
    const need = (what: string, there: boolean) => void (there || lines.push(`${titleOf(one)} names ${what}`));
    const pod = podOf(one.manifest);
    if (pod) {
      const { serviceAccountName, containers, volumes } = pod.spec;
      need(`account ${serviceAccountName}`, accounts.includes(serviceAccountName));
      const templates = at(one.manifest, '/spec/volumeClaimTemplates');
      const claimed = Array.isArray(templates) ? templates.map((template) => at(template, '/metadata/name')) : [];
      const known = [...volumes.map(({ name }) => name), ...claimed];
      for (const { volumeMounts } of containers)
        for (const { name } of volumeMounts) need(`volume ${name}`, known.includes(name));
      for (const { configMap, persistentVolumeClaim: claim } of volumes) {
        if (configMap) need(`map ${configMap.name}`, maps.includes(configMap.name));
        if (claim) need(`claim ${claim.claimName}`, claims.includes(claim.claimName));
      }
    }
    for (const labels of selectorsOf(one.manifest)) {
      const chosen = pods.some((pod) =>
        Object.entries(labels).every(([key, value]) => pod.metadata.labels[key] === value),
      );
      need(`pods with ${JSON.stringify(labels)}`, chosen);
    }
    const scaled = at(one.manifest, '/spec/scaleTargetRef');
    if (scaled)
      need(`${at(scaled, '/kind')} to scale`, names(String(at(scaled, '/kind'))).includes(String(at(scaled, '/name'))));
    return lines;
  });
}

/** Names of the claims that a set of pods makes for itself. */
function claimsOf(manifest: Manifest): string[] {
  const templates = at(manifest, '/spec/volumeClaimTemplates');
  if (!Array.isArray(templates)) return [];
  const pods = Array.from(
    { length: Number(at(manifest, '/spec/replicas')) },
    (_, i) => `${manifest.metadata.name}-${i}`,
  );
  return templates.flatMap((template) => pods.map((pod) => `${at(template, '/metadata/name')}-${pod}`));
}

/** Labels by which an object chooses pods. */
function selectorsOf(manifest: Manifest): Readonly<Record<string, string>>[] {
  const paths =
    manifest.kind === 'Service' ? ['/spec/selector'] : ['/spec/selector/matchLabels', '/spec/podSelector/matchLabels'];
  const labels = paths.map((path) => at(manifest, path));
  // Selectors have been checked against their schemas.
  return labels.filter((one) => one !== undefined) as Readonly<Record<string, string>>[];
}
