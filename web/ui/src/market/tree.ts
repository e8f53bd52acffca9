import type { Tree, TreeNode } from '../api/types';

/// A line of the tree as it is shown.
export interface Line { path: string; depth: number; node: TreeNode; isOpen: boolean; children: number }

const openUpTo = 12;

/// Supervisors of few are open unless closed, those of many closed unless opened.
function isOpenByItself(node: TreeNode): boolean { return (node.children?.length ?? 0) <= openUpTo; }

export function topsOf(tree: Tree): TreeNode[] {
  if (!('nodes' in tree)) return [tree];
  return Object.entries(tree.nodes).map(([name, top]) => ('id' in top
    ? { ...top, id: `${name}: ${top.id}` }
    : { id: name, state: 'unknown', error: top.error }));
}

/// `toggled`: paths whose state is not what it would be by itself.
export function linesOf(tree: Tree, toggled: ReadonlySet<string>): Line[] {
  const lines: Line[] = [];
  const add = (node: TreeNode, depth: number, above: string) => {
    const path = `${above}/${node.id}`;
    const children = node.children ?? [];
    const isOpen = children.length > 0 && isOpenByItself(node) !== toggled.has(path);
    lines.push({ path, depth, node, isOpen, children: children.length });
    if (isOpen) for (const child of children) add(child, depth + 1, path);
  };
  for (const top of topsOf(tree)) add(top, 0, '');
  return lines;
}

/// How many actors there are, and how many of them do not run.
export function countOf(tree: Tree): { all: number; amiss: number } {
  let [all, amiss] = [0, 0];
  const count = (node: TreeNode) => {
    all += 1;
    if (node.state !== 'running') amiss += 1;
    node.children?.forEach(count);
    if (node.children && node.children.length > 0) return;
    // Of very many children there are only counts.
    for (const [state, n] of Object.entries(node.counts ?? {})) {
      all += n;
      if (state !== 'running') amiss += n;
    }
  };
  topsOf(tree).forEach(count);
  return { all, amiss };
}
