// fm-data-api-client of Soliant: logs in with the first call, and again after 14 idle minutes of its own clock.

import { Client } from 'fm-data-api-client';

export async function open({ url, database, user, password }) {
  const client = new Client(url, database, user, password);
  return {
    layouts: async () => (await client.request('layouts')).layouts.map(({ name }) => name),
    fieldResults: async ({ layout }) => results((await client.request(`layouts/${layout}`)).fieldMetaData),
    page: async ({ layout, offset, limit, sort, window, iso }) =>
      (
        await client.layout(layout).range({
          ...(offset && { offset }),
          ...(limit && { limit }),
          ...(sort && { sort }),
          ...(window && { portalRanges: { [window.portal]: { offset: window.offset, limit: window.limit } } }),
          ...(iso && { dateformats: 2 }),
        })
      ).data,
    everything: async ({ layout }) => {
      const records = [];
      for (;;) { // it has no helper that pages
        const { data, dataInfo } = await client.layout(layout).range({ offset: records.length + 1 });
        records.push(...data);
        if (records.length >= dataInfo.foundCount) return records;
      }
    },
    record: async ({ layout, recordId }) => (await client.layout(layout).get(recordId)).data[0],
    find: async ({ layout, query, sort, ignoresEmpty }) =>
      (await client.layout(layout).find(query, { limit: 500, ...(sort && { sort }) }, ignoresEmpty)).data,
    create: async ({ layout, fields }) => (await client.layout(layout).create(fields)).recordId,
    edit: async ({ layout, recordId, fields, modId }) => {
      await client.layout(layout).update(recordId, fields, modId === undefined ? {} : { modId });
    },
    delete: async ({ layout, recordId }) => {
      await client.layout(layout).delete(recordId);
    },
    runScript: async ({ layout, script, parameter }) => {
      const query = new URLSearchParams({ 'script.param': parameter });
      const { scriptError, scriptResult } = await client.request(`layouts/${layout}/script/${script}?${query}`);
      return [scriptError, scriptResult];
    },
    logIn: async () => {
      client.token = null; // what its users do: it has no call for it
    },
    logOut: async () => client.clearToken(),
    openAtOnce: async ({ layout, count }) => {
      await Promise.all(Array.from({ length: count }, () => client.layout(layout).range({ limit: 1 })));
    },
  };
}

const results = (fields) => Object.fromEntries(fields.map(({ name, result }) => [name, result]));
