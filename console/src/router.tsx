import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet, redirect } from '@tanstack/react-router'

import { Refused } from './api/client'
import { queries } from './api/queries'
import { sessionQuery } from './api/session'
import { Failed, NotThere } from './shell/Failed'
import { Frame } from './shell/Frame'

const root = createRootRoute({ component: Outlet, notFoundComponent: NotThere, errorComponent: Failed })

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  component: lazyRouteComponent(() => import('./pages/sign-in/SignIn'), 'SignIn'),
})

/** Every page but the one to sign in: with a session, or on to sign in and back. */
const frame = createRoute({
  getParentRoute: () => root,
  id: 'frame',
  component: Frame,
  beforeLoad: async ({ location }) => {
    try {
      await queries.ensureQueryData(sessionQuery)
    } catch (error) {
      if (error instanceof Refused && error.problem.status === 401) {
        throw redirect({ to: '/sign-in', search: { to: location.href } as never })
      }
      throw error
    }
  },
})

const home = createRoute({
  getParentRoute: () => frame,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/overview' })
  },
})

type Search = Record<string, string | undefined>

/** Every filter lives in the address: whatever stands there is text, and the page says what it makes of it. */
export const textual = (search: Record<string, unknown>): Search =>
  Object.fromEntries(Object.entries(search).map(([name, value]) => [name, value === undefined ? value : String(value)]))

const overview = createRoute({
  getParentRoute: () => frame,
  path: '/overview',
  component: lazyRouteComponent(() => import('./pages/overview/Overview'), 'Overview'),
})
const runs = createRoute({
  getParentRoute: () => frame,
  path: '/runs',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/runs/Runs'), 'Runs'),
})
const run = createRoute({
  getParentRoute: () => frame,
  path: '/runs/$run',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/run/Run'), 'Run'),
})

const workflows = createRoute({
  getParentRoute: () => frame,
  path: '/workflows',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/workflows/Workflows'), 'Workflows'),
})
const workflow = createRoute({
  getParentRoute: () => frame,
  path: '/workflows/$workflow',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/workflows/Workflow'), 'Workflow'),
})
const workflowRun = createRoute({
  getParentRoute: () => frame,
  path: '/workflow-runs/$run',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/workflow-run/WorkflowRun'), 'WorkflowRun'),
})

const approvals = createRoute({
  getParentRoute: () => frame,
  path: '/approvals',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/approvals/Approvals'), 'Approvals'),
})

/** Where messages to approvers lead. */
const approval = createRoute({
  getParentRoute: () => frame,
  path: '/approvals/$approval',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/approvals', search: { id: params.approval } })
  },
})

const agents = createRoute({
  getParentRoute: () => frame,
  path: '/agents',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/agents/Agents'), 'Agents'),
})
const agent = createRoute({
  getParentRoute: () => frame,
  path: '/agents/$agent',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/agents/Agent'), 'Agent'),
})
const tools = createRoute({
  getParentRoute: () => frame,
  path: '/tools',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/tools/Tools'), 'Tools'),
})
const models = createRoute({
  getParentRoute: () => frame,
  path: '/models',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/models/Models'), 'Models'),
})
const policies = createRoute({
  getParentRoute: () => frame,
  path: '/policies',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/policies/Policies'), 'Policies'),
})
const budgets = createRoute({
  getParentRoute: () => frame,
  path: '/budgets',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/budgets/Budgets'), 'Budgets'),
})
const releases = createRoute({
  getParentRoute: () => frame,
  path: '/releases',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/releases/Releases'), 'Releases'),
})
const audit = createRoute({
  getParentRoute: () => frame,
  path: '/audit',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/audit/Audit'), 'Audit'),
})
const people = createRoute({
  getParentRoute: () => frame,
  path: '/people',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/people/People'), 'People'),
})
const server = createRoute({
  getParentRoute: () => frame,
  path: '/server',
  validateSearch: textual,
  component: lazyRouteComponent(() => import('./pages/server/Server'), 'Server'),
})

export const router = createRouter({
  routeTree: root.addChildren([signIn, frame.addChildren([
    home, overview, runs, run, workflows, workflow, workflowRun, approvals, approval, agents, agent, tools, models,
    policies, budgets, releases, audit, people, server,
  ])]),
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
