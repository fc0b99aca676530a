/** Links in folders that are copied: a version has the files that they lead to, what is moved aside stays as it is. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPolicyManifest, manifestFileName, type PolicyManifest } from '@segue/core';
import t from 'tap';
import { copyFolder, copyVersion } from '../dist/store/weights.js';

const weights = 'weights';
const sha256 = createHash('sha256').update(weights).digest('hex');
const manifest: PolicyManifest = {
  formatVersion: 1,
  runId: 'r',
  version: 1,
  parent: 0,
  origin: 'trained',
  inputHash: sha256,
  metrics: {},
  files: [{ name: 'model.safetensors', bytes: weights.length, sha256 }],
};

/** A version whose weights lie beside its folder. @returns the folder of all */
function linkedVersion(root: string): string {
  mkdirSync(join(root, 'version'));
  writeFileSync(join(root, 'weights'), weights);
  symlinkSync('../weights', join(root, 'version/model.safetensors'));
  writeFileSync(join(root, 'version', manifestFileName), formatPolicyManifest(manifest));
  return root;
}

t.test('a version is copied with what its links lead to', async (t) => {
  const root = linkedVersion(t.testdir());
  await copyVersion(join(root, 'version'), join(root, 'far/away/copy'));
  t.equal(readFileSync(join(root, 'far/away/copy/model.safetensors'), 'utf8'), weights);
});

t.test('a folder that is moved aside keeps its links', async (t) => {
  const root = linkedVersion(t.testdir());
  await copyFolder(join(root, 'version'), join(root, 'far/away/copy'));
  t.equal(readlinkSync(join(root, 'far/away/copy/model.safetensors')), '../weights');
});
