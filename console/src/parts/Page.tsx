import type { ReactNode } from 'react'
import { useEffect } from 'react'

interface Props {
  title: string
  crumb?: ReactNode
  beside?: ReactNode
  actions?: ReactNode
  children: ReactNode
}

/** A page's heading, what can be done on it, and its content. */
export function Page({ title, crumb, beside, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Remit`
  }, [title])
  return (
    <>
      <div className="head">
        <div style={{ minWidth: 0 }}>
          {crumb && <div className="crumb">{crumb}</div>}
          <div className="row-gap">
            <h1 className="h1">
              <bdi>{title}</bdi>
            </h1>
            {beside}
          </div>
        </div>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </>
  )
}
