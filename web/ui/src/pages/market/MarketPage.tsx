import { Notice } from '../../components/Notice';
import { useChoice } from '../../state/choice';
import { useInstrument, useTimeframes } from '../../state/queries';
import { ChartView } from './ChartView';
import { Details } from './Details';
import { Proof } from './Proof';
import { QuoteHeader } from './QuoteHeader';
import { Watchlist } from './Watchlist';

function Instrument({ chosen, timeframe }: { chosen: string; timeframe: string }) {
  const instrument = useInstrument(chosen);
  const frames = useTimeframes().data;
  if (instrument.isError) return <Notice isError>{instrument.error.message}</Notice>;
  if (!instrument.data || !frames) return <Notice>Loading {chosen}</Notice>;
  return (
    <>
      <div className="flex min-w-0 shrink-0 flex-col lg:h-full lg:min-h-0">
        <QuoteHeader instrument={instrument.data} />
        <ChartView key={`${chosen} ${timeframe}`} instrument={instrument.data} timeframe={timeframe} frames={frames} />
      </div>
      <Details instrument={instrument.data} />
    </>
  );
}

/// What is the market doing: a list to watch, and one of it looked at closely.
export function MarketPage() {
  const { instrument, timeframe } = useChoice();
  return (
    <div className="living flex h-full flex-col overflow-y-auto lg:grid lg:grid-cols-[21rem_minmax(0,1fr)] lg:grid-rows-[minmax(0,1fr)_auto] lg:overflow-hidden xl:grid-cols-[22rem_minmax(0,1fr)_17rem] xl:grid-rows-[minmax(0,1fr)]">
      <div className="order-2 shrink-0 border-t lg:order-none lg:min-h-0 lg:border-t-0 lg:border-r"><Watchlist /></div>
      {instrument === null ? <Notice>Waiting for instruments</Notice> : <Instrument chosen={instrument} timeframe={timeframe} />}
      <Proof />
    </div>
  );
}
