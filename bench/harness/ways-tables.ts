import type { Figure } from './figure.ts';
import type { Outcome } from './outcome.ts';
import { milliseconds } from './outcome-line.ts';

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

/** Every way in which a peer was run, a table for each kind of benchmark; no text where no peer has several. */
export function peerTables(outcomes: readonly Outcome[]): string {
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
