// Runs before the first paint, so that neither theme nor direction flashes. A file of its own: the page's policy allows
// no script in the page.
;(function () {
  var kept = {}
  try {
    kept = window.localStorage
  } catch {
    // A browser that keeps nothing gets the defaults.
  }
  var asked = new URLSearchParams(window.location.search)
  var language = asked.get('lang') || kept['remit-language'] || (navigator.language || '').slice(0, 2)
  var theme = asked.get('theme') || kept['mantine-color-scheme-value'] || 'auto'
  if (theme === 'auto') theme = window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  var page = document.documentElement
  page.lang = language === 'ar' ? 'ar' : 'en'
  page.dir = page.lang === 'ar' ? 'rtl' : 'ltr'
  page.setAttribute('data-mantine-color-scheme', theme === 'dark' ? 'dark' : 'light')
})()
