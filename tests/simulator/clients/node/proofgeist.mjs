// @proofgeist/fmdapi: logs in with the first call and again when the server answers 952.

import { DataApi, FetchAdapter } from '@proofgeist/fmdapi';

export async function open({ url, database, user, password }) {
  const adapter = new FetchAdapter({ server: url, db: database, auth: { username: user, password } });
  const on = (layout) => DataApi({ adapter, layout });
  return {
    layouts: async () => (await adapter.layouts()).layouts.map(({ name }) => name),
    fieldResults: async ({ layout }) => results((await on(layout).layoutMetadata()).fieldMetaData),
    page: async ({ layout, offset, limit, sort, window, iso }) =>
      (
        await on(layout).list({
          ...(offset && { offset }),
          ...(limit && { limit }),
          ...(sort && { sort }),
          ...(window && { portalRanges: { [window.portal]: { offset: window.offset, limit: window.limit } } }),
          ...(iso && { dateformats: 2 }),
        })
      ).data,
    everything: async ({ layout }) => on(layout).listAll(),
    record: async ({ layout, recordId }) => (await on(layout).get({ recordId })).data[0],
    find: async ({ layout, query, sort, ignoresEmpty: ignoreEmptyResult }) =>
      (await on(layout).find({ query, limit: 500, ...(sort && { sort }), ignoreEmptyResult })).data,
    create: async ({ layout, fields }) => (await on(layout).create({ fieldData: fields })).recordId,
    edit: async ({ layout, recordId, fields, modId }) => {
      await on(layout).update({ recordId, fieldData: fields, ...(modId !== undefined && { modId }) });
    },
    delete: async ({ layout, recordId }) => {
      await on(layout).delete({ recordId });
    },
    runScript: async ({ layout, script, parameter }) => {
      const { scriptError, scriptResult } = await adapter.executeScript({ layout, script, scriptParam: parameter });
      return [scriptError, scriptResult];
    },
    logIn: async () => {},
    logOut: async () => adapter.disconnect(),
    openAtOnce: async ({ layout, count }) => {
      await Promise.all(Array.from({ length: count }, () => on(layout).list({ limit: 1 })));
    },
  };
}

const results = (fields) => Object.fromEntries(fields.map(({ name, result }) => [name, result]));
