import { useState } from 'react';
import { type ColumnDef, flexRender, getCoreRowModel, getSortedRowModel, type SortingState, useReactTable } from '@tanstack/react-table';

const arrows = { asc: ' ↑', desc: ' ↓' };
const spoken = { asc: 'ascending', desc: 'descending' } as const;

/// A table that is sorted by a click on a head. Columns with `meta.isNumber` stand right.
export function SortedTable<T>({ label, columns, rows, sort, idOf, empty }: {
  label: string; columns: ColumnDef<T>[]; rows: T[]; sort: SortingState; idOf: (row: T) => string; empty: string;
}) {
  const [sorting, setSorting] = useState(sort);
  const table = useReactTable({
    data: rows, columns, state: { sorting }, onSortingChange: setSorting, getRowId: idOf,
    getCoreRowModel: getCoreRowModel(), getSortedRowModel: getSortedRowModel(),
  });
  if (rows.length === 0) return <p className="px-3 pb-3 text-quiet">{empty}</p>;
  const side = (meta: unknown) => ((meta as { isNumber?: boolean } | undefined)?.isNumber ? 'text-right' : 'text-left');
  return (
    <table className="w-full border-collapse" aria-label={label}>
      <thead className="sticky top-0 bg-ground text-[.6875rem] text-quiet">
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map((head) => {
              const sorted = head.column.getIsSorted();
              return (
                <th key={head.id} scope="col" aria-sort={sorted ? spoken[sorted] : undefined} className={`px-3 py-1 font-normal ${side(head.column.columnDef.meta)}`}>
                  <button type="button" className="hover:text-ink" onClick={head.column.getToggleSortingHandler()}>
                    {flexRender(head.column.columnDef.header, head.getContext())}{sorted ? arrows[sorted] : ''}
                  </button>
                </th>
              );
            })}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr key={row.id} className="border-t hover:bg-hover" data-row={row.id}>
            {row.getVisibleCells().map((cell) => (
              <td key={cell.id} className={`px-3 py-1 ${side(cell.column.columnDef.meta)}`}>{flexRender(cell.column.columnDef.cell, cell.getContext())}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
