import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/// A uPlot as wide as its place. It is made anew when `make` changes; `data` alone is only drawn.
export function Plot({ make, data, height, label }: {
  make: () => Omit<uPlot.Options, 'width' | 'height'>; data: uPlot.AlignedData; height: number; label: string;
}) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const newest = useRef(data);
  newest.current = data;

  useEffect(() => {
    const place = element.current;
    if (!place) return;
    const made = new uPlot({ ...make(), width: place.clientWidth, height }, newest.current, place);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height }));
    watcher.observe(place);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [make, height]);

  useEffect(() => { plot.current?.setData(data); }, [data]);
  return <div ref={element} role="img" aria-label={label} className="min-w-0" />;
}
