import { createTheme, type MantineColorsTuple } from '@mantine/core'

const brand: MantineColorsTuple = [
  '#eef2ff', '#dfe5fb', '#bcc7f3', '#96a7ec', '#768be6', '#6279e2', '#5770e1', '#465ec8', '#3d53b3', '#31479e',
]
const dark: MantineColorsTuple = [
  '#eceff4', '#c5ccd8', '#98a2b3', '#6b7686', '#2f3742', '#262c36', '#1b2029', '#14181f', '#0f131a', '#0a0d12',
]

export const theme = createTheme({
  primaryColor: 'brand',
  colors: { brand, dark },
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: '"Inter Variable", "IBM Plex Sans Arabic", system-ui, sans-serif',
  fontFamilyMonospace: '"JetBrains Mono Variable", ui-monospace, monospace',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '19px' },
  headings: { fontWeight: '620' },
  autoContrast: true,
})
