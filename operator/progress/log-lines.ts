/** What TensorFlow says at every start. */
const NOISE = /^(WARNING: All log messages before absl|I\d{4} )/;

/** The lines of a log that a person may want, without colours, blank lines and TensorFlow's greetings. */
export function logLines(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with an escape
  const plain = text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '\n');
  return plain.split('\n').filter((line) => line.trim() !== '' && !NOISE.test(line));
}
