/// Pixels of so many rem: letters are larger on very large screens, and rows with them.
export function pixelsOf(rem: number): number {
  return rem * parseFloat(getComputedStyle(document.documentElement).fontSize);
}
