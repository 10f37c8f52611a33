/** docs/benchmarks.md, made from the committed figures. */
import { busyText } from './busy-cores.ts';
import type { Committed, Measured } from './committed.ts';
import { type Figure, medianOf } from './figure.ts';
import { isKept, type Measure, numberText, type OperatorOutcome } from './operator-outcome.ts';
import { milliseconds, type Outcome, promise } from './run-benchmarks.ts';

const GAPS = 'A gap (–) is a way that was tried and did not work: compilers refuse some networks.';

/** A cell with a median, its quartiles and its memory. */
function cell(figure: Figure): string {
  return `${milliseconds(figure)}${figure.peakMb === undefined ? '' : `, ${figure.peakMb.toFixed(0)} MB`}`;
}

/** A way of a peer as a cell: its figure, a gap where it was tried and did not work, or that it was not tried. */
function wayCell({ peers = [], refused = [] }: Outcome, way: string): string {
  const peer = peers.find(({ name }) => name === way);
  if (peer) return cell(peer.figure);
  return refused.includes(way) ? '–' : 'not tried';
}

/** Every way in which a peer was run, a table for each kind of benchmark. */
function peerTables(outcomes: readonly Outcome[]): string {
  const several = outcomes.filter(({ peers }) => peers !== undefined);
  const kinds = [...new Set(several.map(kindOf))];
  const tables = kinds.map((kind) => {
    const members = several.filter((outcome) => kindOf(outcome) === kind);
    const ways = [...new Set(members.flatMap(({ peers = [], refused = [] }) => [...peers.map(({ name }) => name), ...refused]))];
    const rows = members.map((member) => {
      const figures = ways.map((way) => wayCell(member, way));
      return `| ${[member.name, cell(member.ours), ...figures].join(' | ')} |`;
    });
    return [`| ${['name', 'carpal', ...ways].join(' | ')} |`, `|${'---|'.repeat(ways.length + 2)}`, ...rows].join('\n');
  });
  return tables.length === 0 ? '' : `\n## All peers\n\n${GAPS}\n\n${tables.join('\n\n')}\n`;
}

/** The part of a benchmark's name that it shares with those of its kind. */
function kindOf({ name }: Outcome): string {
  return name.split('-')[0] ?? name;
}

/** What is promised of the networks together. */
function stepMedians(outcomes: readonly Outcome[]): string {
  const kinds = [
    ['float32 at 256 px', /^step-.+-256$/],
    ['bfloat16 at 256 px', /^step-.+-256-bfloat16$/],
    ['float32 at 512 px', /^step-.+-512$/],
    ['bfloat16 at 512 px', /^step-.+-512-bfloat16$/],
  ] as const;
  const lines = kinds.flatMap(([kind, pattern]) => {
    const ratios = outcomes.filter(({ name }) => pattern.test(name)).map(({ ratio }) => ratio);
    if (ratios.length === 0) return [];
    return [`- ${kind}: ${medianOf(ratios).toFixed(2)}×, the lowest ${Math.min(...ratios).toFixed(2)}×, ${ratios.length} networks`];
  });
  return lines.length === 0 ? '' : `\n## Training steps, the median over the networks\n\n${lines.join('\n')}\n`;
}

function bound({ atLeast, atMost }: Measure): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

function operatorTables(outcomes: readonly (OperatorOutcome & Measured)[]): string {
  const tables = outcomes.map(({ name, what, measures, load, revision, machine }) => {
    const rows = measures.map((measure) => {
      const { what: title, value, unit, peer } = measure;
      const kept = bound(measure) === '' ? '' : `${bound(measure)}${isKept(measure) ? '' : ' (missed)'}`;
      return `| ${title} | ${numberText(value)} ${unit} | ${kept} | ${peer === undefined ? '' : numberText(peer)} |`;
    });
    const place = `At revision ${revision} on ${machine}; load of the machine at its end ${load.toFixed(1)}.`;
    return `### ${name}\n\n${what}. ${place}\n\n| what | carpal | promised | JobSet, published |\n|---|---|---|---|\n${rows.join('\n')}`;
  });
  return tables.length === 0
    ? ''
    : `\n## The operator\n\nBeside a real control plane on the same machine. What JobSet's makers published is of 200 JobSets of 5 Jobs each on 2 cores.\n\n${tables.join('\n\n')}\n`;
}

/** The page: ratios, medians over the networks, every peer, the operator. */
export function benchmarkPage({ ratios, operator }: Committed): string {
  const rows = ratios.map((outcome) => {
    const { name, what, ours, peer, ratio, revision } = outcome;
    const peak = ours.peakMb === undefined || peer.peakMb === undefined ? '' : `${ours.peakMb.toFixed(0)} / ${peer.peakMb.toFixed(0)}`;
    const busy = busyText(outcome.busyCores);
    const cells = [
      name,
      what,
      milliseconds(ours),
      milliseconds(peer),
      `**${ratio.toFixed(2)}×**`,
      promise(outcome),
      peak,
      busy === '' ? revision : `${revision}; ${busy}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  const isBusy = ratios.some(({ busyCores }) => busyText(busyCores) !== '');
  const disturbed = isBusy ? ' After a revision stands where other work kept so many cores busy when the row began or ended.' : '';
  const machines = [...new Set(ratios.map(({ machine }) => machine))].join('; ');
  return `# Benchmarks

Made by \`./carpal bench NAME… --write\` on ${machines}. Each row's peer was measured in the same run as carpal: medians with their quartiles,
milliseconds an item. \`./carpal bench NAME… --check\` compares the ratios of today with these. GPUs are untested.${disturbed}

| name | what | carpal | peer | ratio | promised | peak MB, carpal / peer | revision |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
${stepMedians(ratios)}${peerTables(ratios)}${operatorTables(operator)}`;
}
