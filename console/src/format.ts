import { language } from './i18n'

const MICROS = 1_000_000
const KEPT_ZONE = 'remit-time-zone'

/** Latin digits in both languages: ids, money and times are compared with what other systems show. */
const locale = (): string => (language() === 'ar' ? 'ar-AE-u-nu-latn' : 'en-GB')

export const ZONES = ['Asia/Dubai', 'Asia/Riyadh', 'UTC', Intl.DateTimeFormat().resolvedOptions().timeZone].filter(
  (zone, place, all) => all.indexOf(zone) === place,
)

export const zone = (): string => window.localStorage.getItem(KEPT_ZONE) ?? Intl.DateTimeFormat().resolvedOptions().timeZone

export function chooseZone(chosen: string): void {
  window.localStorage.setItem(KEPT_ZONE, chosen)
}

export const number = (value: number): string => new Intl.NumberFormat(locale()).format(value)

export const percent = (share: number): string =>
  new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(share)

/** Keep an amount from being torn apart in a sentence that is written from right to left (UAX 9, section 2.5). */
const isolated = (text: string): string => `\u2066${text}\u2069`

/** Micro-USD as dollars; small amounts keep the digits that tell them from nothing. */
export function usd(micros: number): string {
  const digits = micros !== 0 && Math.abs(micros) < MICROS ? 4 : 2
  const amount = new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return isolated(`$${amount.format(micros / MICROS)}`)
}

/** An amount of a budget in its unit. */
export function amount(value: number, unit: string): string {
  return unit === 'micro_usd' ? usd(value) : number(value)
}

const date = (micros: number): Date => new Date(micros / 1000)

export const time = (micros: number): string =>
  new Intl.DateTimeFormat(locale(), { timeStyle: 'medium', timeZone: zone() }).format(date(micros))

export const day = (micros: number): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeZone: zone() }).format(date(micros))

export const moment = (micros: number): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'medium', timeZone: zone() }).format(date(micros))

/** The same moment by the Umm al-Qura calendar, for the hover. */
export const hijri = (micros: number): string =>
  new Intl.DateTimeFormat(`${locale().split('-u-')[0]}-u-ca-islamic-umalqura-nu-latn`, {
    dateStyle: 'full',
    timeStyle: 'short',
    timeZone: zone(),
  }).format(date(micros))

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

/** How long ago, or until; in the largest unit that fits. */
export function ago(micros: number, now: number): string {
  const seconds = Math.round((micros - now) / MICROS)
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ['second', 1]
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.trunc(seconds / size), unit)
}

/** The short forms of units of time; in Arabic those of the Unicode CLDR, where they tell one from the other. */
const SHORT_UNITS = {
  en: { micro: 'µs', milli: 'ms', second: 's', minute: 'm', hour: 'h' },
  ar: { micro: 'ميكروثانية', milli: 'ملي ث', second: 'ث', minute: 'د', hour: 'س' },
}

/** A span of time, as exact as one needs it. */
export function duration(micros: number): string {
  const said = spelled(micros, SHORT_UNITS[language()])
  return language() === 'ar' ? `\u2067${said}\u2069` : said // else `1 د 32 ث` is turned round where code and ids stand
}

function spelled(micros: number, unit: (typeof SHORT_UNITS)['en']): string {
  if (micros < 1_000) return `${Math.max(0, Math.round(micros))} ${unit.micro}`
  const milliseconds = micros / 1_000
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ${unit.milli}`
  const seconds = milliseconds / 1_000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} ${unit.second}`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} ${unit.minute} ${Math.floor(seconds % 60)} ${unit.second}`
  return `${Math.floor(minutes / 60)} ${unit.hour} ${minutes % 60} ${unit.minute}`
}

/** The first digits of an id or digest, enough to tell it from others. */
export const short = (id: string): string => (id.length > 16 ? `${id.slice(0, 12)}…` : id)
