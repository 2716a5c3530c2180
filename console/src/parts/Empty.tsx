import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

/** Nothing is here yet: what would be, and the command that brings it. */
export function Empty({ title, children, command }: { title: string; children?: ReactNode; command?: string }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <div style={{ maxWidth: 460 }}>{children}</div>}
      {command && <Command text={command} />}
    </div>
  )
}

/** A command to copy. */
export function Command({ text }: { text: string }) {
  const { t } = useTranslation()
  return (
    <span className="command">
      <bdi dir="ltr" className="mono">
        {text}
      </bdi>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? t('frame.copied') : t('frame.copy')}>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={t('frame.copy')} onClick={copy}>
              {copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </span>
  )
}
