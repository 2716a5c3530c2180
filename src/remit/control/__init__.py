"""Use cases of people: releases, workspace tests, approvals, stops."""
