import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/// Writes NAME.gz beside each file that gets smaller by it: the server packs nothing itself.
function packed(): Plugin {
  let folder = '';
  return {
    name: 'packed',
    apply: 'build',
    configResolved(config) { folder = config.build.outDir; },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const path = join(folder, name);
        if (!statSync(path).isFile() || path.endsWith('.gz')) continue;
        const plain = readFileSync(path);
        const small = gzipSync(plain, { level: constants.Z_BEST_COMPRESSION });
        if (small.length < plain.length * 0.9) writeFileSync(`${path}.gz`, small);
      }
    },
  };
}

const server = process.env['ARTHAM_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react(), tailwindcss(), packed()],
  build: {
    outDir: process.env['ARTHAM_UI_OUT'] ?? 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // Everything is a file of its own: the content security policy knows no data: and no inline script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: { manualChunks: { charts: ['lightweight-charts'] } },
    },
  },
  server: {
    proxy: {
      '/v1': { target: server, ws: true, changeOrigin: true },
      '/version': server,
      '/openapi.json': server,
    },
  },
});
