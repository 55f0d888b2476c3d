// What the elements of a stage depend on: where it is the same, they can stay.

/**
 * @param {StageData} data
 * @returns {string}
 */
export function signatureOf(data) {
  const shown = data.panels.map(({ title, note, role, dtype, rows, columns, axes, scale, values }) => [
    title, note, role, dtype, rows, columns, scale.kind, !!values, axes.map(({ symbol, key, size, count }) => [symbol, key, size, count]),
  ]);
  const controls = data.controls.map(({ key, size, count, parts }) => [key, size, count, parts]);
  return JSON.stringify([shown, data.operation, controls, data.axes, data.roles]);
}
