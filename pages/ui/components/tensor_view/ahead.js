// Keeps the stages that may be asked for next where the stage on screen finds them. They come in a message of their own,
// after everything that is to be seen at once.
export default function ({ data }) {
  window[Symbol.for("tensor-shape-explorer.ahead")] = data;
}
