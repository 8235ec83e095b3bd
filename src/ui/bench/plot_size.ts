import { useLayoutEffect, useState, type RefObject } from 'react';

/** The drawing's own size in its units, which are pixels of the page: text keeps its size on a phone. */
export interface PlotSize {
  width: number;
  height: number;
  /** Room for the axes; the right also holds half a tick's text. */
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const WIDEST = 1000;
const NARROW = 560;

/** A wide plot is flat, a narrow one nearly square. */
export function plotSize(room: number): PlotSize {
  const width = Math.max(240, Math.min(WIDEST, Math.round(room)));
  const height = width < NARROW ? width : Math.round(width * 0.44);
  return { width, height, left: width < NARROW ? 52 : 64, right: 20, top: 30, bottom: 52 };
}

/** The size that fits an element, kept as it changes. */
export function usePlotSize(element: RefObject<HTMLElement | null>): PlotSize {
  const [room, setRoom] = useState(WIDEST);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return;
    const observer = new ResizeObserver(() => setRoom(current.clientWidth));
    observer.observe(current);
    return () => observer.disconnect();
  }, [element]);
  return plotSize(room);
}
