// fms-api-client of Luidog: keeps its sessions in an object store of its own and refuses with plain objects.

import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';

import { Filemaker, containerData } from 'fms-api-client';
import { connect } from 'marpat';

await connect('nedb://memory'); // its object store, which its users connect before anything else

export async function open({ url: server, database, user, password }) {
  const certificate = process.env.NODE_EXTRA_CA_CERTS;
  const agent = certificate ? { ca: readFileSync(certificate) } : {};
  const client = Filemaker.create({ server, database, user, password, agent });
  await client.save();
  return {
    layouts: async () => (await client.layouts()).layouts.map(({ name }) => name),
    fieldResults: async ({ layout }) => results((await client.layout(layout)).fieldMetaData),
    page: async ({ layout, offset, limit, sort, window }) =>
      (
        await client.list(layout, {
          ...(offset && { offset }),
          ...(limit && { limit }),
          ...(sort && { sort }),
          ...(window && {
            portal: [window.portal],
            [`_offset.${window.portal}`]: window.offset,
            [`_limit.${window.portal}`]: window.limit,
          }),
        })
      ).data,
    everything: async ({ layout }) => {
      const records = [];
      for (;;) { // it has no helper that pages
        const { data, dataInfo } = await client.list(layout, { offset: records.length + 1 });
        records.push(...data);
        if (records.length >= dataInfo.foundCount) return records;
      }
    },
    record: async ({ layout, recordId }) => (await client.get(layout, recordId)).data[0],
    find: async ({ layout, query, sort }) => (await client.find(layout, query, { limit: 500, ...(sort && { sort }) })).data,
    create: async ({ layout, fields }) => (await client.create(layout, fields)).recordId,
    edit: async ({ layout, recordId, fields, modId }) => {
      await client.edit(layout, recordId, fields, modId === undefined ? {} : { modId });
    },
    delete: async ({ layout, recordId }) => {
      await client.delete(layout, recordId);
    },
    runScript: async ({ layout, script, parameter }) => {
      const { scriptError, scriptResult } = await client.script(layout, script, parameter);
      return [scriptError, scriptResult];
    },
    download: async ({ address }) => {
      const options = { httpsAgent: new Agent(agent) };
      const { buffer } = await containerData({ file: address }, 'file', 'buffer', 'name', options);
      return buffer.toString('base64');
    },
    logIn: async () => {},
    logOut: async () => {
      await client.logout();
    },
  };
}

const results = (fields) => Object.fromEntries(fields.map(({ name, result }) => [name, result]));
