import { describe, expect, it } from 'vitest';
import { difference, digitsOf, fromUnits, percentChange, units } from './decimal';
import { countText, priceText, shortCount, signedCountText, signedPercent, signedPriceText } from './text';

describe('decimals', () => {
  it('are subtracted exactly', () => {
    expect(difference('0.3', '0.1')).toBe('0.2');
    expect(difference('1500.05', '1500.1')).toBe('-0.05');
    expect(difference('9007199254740993.000000001', '1')).toBe('9007199254740992.000000001');
    expect(difference(undefined, '1')).toBeUndefined();
    expect(difference('no', '1')).toBeUndefined();
  });
  it('go to units and back', () => {
    for (const text of ['0', '-1', '27236.5', '-0.05', '0.000000001']) {
      const value = units(text);
      expect(value === undefined ? undefined : fromUnits(value)).toBe(text);
    }
    expect(units('1e5')).toBeUndefined();
  });
  it('have a change in per cent where there is something to compare with', () => {
    expect(percentChange('110', '100')).toBeCloseTo(10);
    expect(percentChange('1', '0')).toBeUndefined();
    expect(percentChange('1', undefined)).toBeUndefined();
  });
  it('have as many digits as a tick', () => {
    expect(digitsOf('0.05')).toBe(2);
    expect(digitsOf('0.0025')).toBe(4);
    expect(digitsOf('1')).toBe(2);
  });
});

describe('text', () => {
  it('groups as in India', () => {
    expect(priceText('1234567.8')).toBe('12,34,567.80');
    expect(priceText('-999')).toBe('−999.00');
    expect(priceText('0.0025')).toBe('0.0025');
    expect(priceText(undefined)).toBe('–');
    expect(countText(100000)).toBe('1,00,000');
    expect(countText(999)).toBe('999');
    expect(countText(-12345678)).toBe('−1,23,45,678');
  });
  it('shows signs of changes', () => {
    expect(signedPriceText('3.2')).toBe('+3.20');
    expect(signedPriceText('-3.2')).toBe('−3.20');
    expect(signedPriceText('0')).toBe('0.00');
    expect(signedCountText(5)).toBe('+5');
    expect(signedPercent(1.234)).toBe('+1.23 %');
    expect(signedPercent(-0.001)).toBe('0.00 %');
  });
  it('shortens what is large', () => {
    expect(shortCount(12_345_678)).toBe('1.23 Cr');
    expect(shortCount(-250_000)).toBe('−2.50 L');
    expect(shortCount(9999)).toBe('9,999');
  });
});
