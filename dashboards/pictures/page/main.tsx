/**
 * The page that is photographed: `/?board=UID&width=PIXELS`.
 *
 * It says when it is done, or what went wrong, on its root element: `data-state` is `drawn` or
 * `failed`. `draw.mjs` waits for that and knows nothing else of the page.
 */
import { ThemeContext, createTheme, dateTime, standardTransformersRegistry } from '@grafana/data';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import { Component, ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { Recording } from './answers';
import { Board, BoardModel } from './board';

const FONTS = ['400 12px Inter', '500 12px Inter'];
const QUIET_MS = 500;
const root = document.documentElement;

function failed(error: unknown): void {
  root.dataset.state = 'failed';
  root.dataset.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
}

class Guard extends Component<{ children: ReactNode }> {
  state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  componentDidCatch(error: unknown) {
    failed(error);
  }
  render() {
    return this.state.failed ? null : this.props.children;
  }
}

async function read<T>(path: string): Promise<T> {
  const answer = await fetch(path);
  if (!answer.ok) {
    throw new Error(`${path}: ${answer.status}`);
  }
  return answer.json();
}

async function show(): Promise<void> {
  const wanted = new URLSearchParams(location.search);
  const uid = wanted.get('board');
  const [board, recording] = await Promise.all([
    read<BoardModel>(`/boards/${uid}.json`),
    read<Recording>(`/answers/${uid}.json`),
  ]);
  standardTransformersRegistry.setInit(() => []);
  const [from, to] = [dateTime(recording.from * 1000), dateTime(recording.to * 1000)];
  const timeRange = { from, to, raw: { from, to } };
  const theme = createTheme({ colors: { mode: 'dark' } });
  const page = createRoot(document.getElementById('page')!);
  const render = (inside: ReactNode) =>
    page.render(
      <Guard>
        <ThemeContext.Provider value={theme}>
          <GlobalStyles />
          {inside}
          <PortalContainer />
        </ThemeContext.Provider>
      </Guard>
    );
  // Text is measured for axes and legends, so its font must be there before. The styles name it.
  render(null);
  await quiet();
  await Promise.all(FONTS.map((font) => document.fonts.load(font)));
  render(<Board board={board} recording={recording} timeRange={timeRange} width={Number(wanted.get('width'))} />);
  await quiet();
  root.dataset.state ??= 'drawn';
}

/** Until nothing has changed for a while: icons and plots come after the first rendering. */
function quiet(): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      watch.disconnect();
      resolve();
    };
    let timer = window.setTimeout(done, QUIET_MS);
    const watch = new MutationObserver(() => {
      window.clearTimeout(timer);
      timer = window.setTimeout(done, QUIET_MS);
    });
    watch.observe(document.body, { subtree: true, childList: true, attributes: true });
  });
}

window.addEventListener('error', (event) => failed(event.error ?? event.message));
window.addEventListener('unhandledrejection', (event) => failed(event.reason));
show().catch(failed);
