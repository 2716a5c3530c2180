import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

export type Language = 'en' | 'ar'

const KEPT = 'remit-language'
const english = import.meta.glob<Record<string, unknown>>('./locales/en/*.json', { import: 'default' })
const arabic = import.meta.glob<Record<string, unknown>>('./locales/ar/*.json', { import: 'default' })

/** The page's language, which boot.js has put into the document before the first paint. */
export const language = (): Language => (document.documentElement.lang === 'ar' ? 'ar' : 'en')

/** Load the words of the page's language. Each file is one noun; its name is the first part of its keys. */
export async function begin(): Promise<void> {
  const chosen = language()
  const files = chosen === 'ar' ? arabic : english
  const words: Record<string, unknown> = {}
  await Promise.all(
    Object.entries(files).map(async ([path, load]) => {
      words[path.replace(/^.*\/(\w+)\.json$/, '$1')] = await load()
    }),
  )
  await i18next.use(initReactI18next).init({
    lng: chosen,
    fallbackLng: false,
    ns: ['words'],
    defaultNS: 'words',
    resources: { [chosen]: { words } },
    interpolation: { escapeValue: false }, // React escapes
  })
}

/** Go on in another language. The page loads anew: direction is set before the first paint. */
export function speak(chosen: Language): void {
  window.localStorage.setItem(KEPT, chosen)
  const address = new URL(window.location.href)
  address.searchParams.delete('lang')
  window.location.assign(address)
  window.location.reload()
}
