/** Example 5: take the weights out, as a checkpoint in the layout of Hugging Face, every file compared with its checksum. */
import { connect } from '@segue/client';
import { controllerAddress } from './sums.js';

const folder = process.argv[3] ?? 'sums-policy';
const client = connect(controllerAddress());
try {
  const { version, files } = await client.exportPolicy('sums', folder);
  for (const { name, bytes } of files) console.log(`${folder}/${name}  ${bytes} bytes`);
  console.log(`that is version ${version}`);
} finally {
  client.close();
}
