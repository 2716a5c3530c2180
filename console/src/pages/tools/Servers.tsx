import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'

import { answerOr, api } from '../../api/client'
import { number } from '../../format'
import { Empty } from '../../parts/Empty'
import { Loaded } from '../../parts/Loaded'
import { Ltr } from '../../parts/Ltr'

/** The tool servers that the gateway reaches. What they are given is in the release and not shown. */
export function Servers() {
  const { t } = useTranslation()
  const servers = useQuery({ queryKey: ['servers'], queryFn: () => answerOr({ release: '', servers: [] }, api.GET('/api/v1/servers')) })
  return (
    <div className="card">
      <Loaded query={servers}>
        {({ servers: found }) =>
          found.length === 0 ? (
            <Empty title={t('tools.noServer')} command="remit tools import NAME">
              {t('tools.firstServer')}
            </Empty>
          ) : (
            <div className="table-scroll">
              <table className="table">
                <thead>
                  <tr>
                    <th>{t('tools.server')}</th>
                    <th>{t('tools.reached')}</th>
                    <th className="end">{t('tools.title')}</th>
                    <th className="end">{t('tools.atOnce')}</th>
                    <th className="end">{t('tools.answers')}</th>
                  </tr>
                </thead>
                <tbody>
                  {found.map((server) => (
                    <tr key={server.name}>
                      <td>
                        <Ltr mono>{server.name}</Ltr>
                      </td>
                      <td>
                        <Ltr mono>{server.url || server.program}</Ltr>
                      </td>
                      <td className="end num">{number(server.tools)}</td>
                      <td className="end num">{number(server.concurrency)}</td>
                      <td className="end num">
                        <Ltr>{number(server.answer_s)} s</Ltr>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </div>
  )
}
