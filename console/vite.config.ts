import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin } from 'vite'

/** Imports each icon from a file of its own: the package's index would have thousands of modules parsed. */
function oneFileAnIcon(): Plugin {
  const barrel = /import \{([^}]+)\} from '@tabler\/icons-react'/g
  return {
    name: 'one-file-an-icon',
    enforce: 'pre',
    transform(code, id) {
      if (!/\/src\/.*\.tsx?$/.test(id)) return undefined
      return code.replace(barrel, (_, names: string) =>
        names
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name && !name.startsWith('type '))
          .map((name) => `import ${name} from '@tabler/icons-react/dist/esm/icons/${name}.mjs'`)
          .join(';'),
      )
    },
  }
}

const server = process.env.REMIT_URL ?? 'http://127.0.0.1:7070'

export default defineConfig({
  plugins: [oneFileAnIcon(), react()],
  build: {
    outDir: process.env.OUT ?? '../src/remit/console',
    emptyOutDir: true,
    sourcemap: false,
    target: 'es2022',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 900,
    rolldownOptions: { output: { hashCharacters: 'hex' } },
  },
  server: { proxy: { '/api': server, '/healthz': server, '/readyz': server } },
})
