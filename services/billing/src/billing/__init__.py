"""Plans, subscriptions, invoices, payments and what they entitle to. Providers only move money."""
