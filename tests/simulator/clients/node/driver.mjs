// Drives one public client: node driver.mjs CLIENT, one JSON request per line in, one JSON answer per line out.
// {"verb": "open", "arguments": {...}} opens a client; every other verb goes to the one that was opened last.

import { createInterface } from 'node:readline';

const { open } = await import(`./${process.argv[2]}.mjs`);
let client;

async function answer({ verb, arguments: given }) {
  try {
    if (verb === 'open') {
      client = await open(given);
      return { result: null };
    }
    return { result: (await client[verb](given)) ?? null };
  } catch (error) {
    return {
      error: {
        kind: error?.constructor?.name ?? typeof error,
        code: String(error?.code ?? ''),
        message: String(error?.message ?? error),
      },
    };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
process.exit(0); // a client's keep-alive connections would hold the process
