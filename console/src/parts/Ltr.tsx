import type { ReactNode } from 'react'

interface Props {
  children: ReactNode
  mono?: boolean
  title?: string
}

/**
 * Ids, code, money and amounts, which read from left to right in every language. An inner element: `direction` on a
 * positioned, grid or flex item would turn its place round as well.
 */
export function Ltr({ children, mono = false, title }: Props) {
  return (
    <bdi dir="ltr" className={mono ? 'mono' : undefined} title={title}>
      {children}
    </bdi>
  )
}
