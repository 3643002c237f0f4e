# Traces and figures sent to Google's own collector: only where the settings ask for it (docs/operations.md).

locals {
  tells_google = (
    lookup(local.wished, "TELEMETRY", "off") == "otlp" &&
    endswith(lookup(local.wished, "TELEMETRY_ENDPOINT", ""), ".googleapis.com")
  )
  tellers = { for name, function in local.functions : name => function if local.tells_google }
}

resource "google_project_service" "telemetry" {
  count = local.tells_google ? 1 : 0

  service            = "telemetry.googleapis.com"
  disable_on_destroy = false
}

resource "google_project_iam_member" "traces" {
  for_each = local.tellers

  project = var.project
  role    = "roles/telemetry.tracesWriter"
  member  = google_service_account.function[each.key].member
}

resource "google_project_iam_member" "figures" {
  for_each = local.tellers

  project = var.project
  role    = "roles/telemetry.metricsWriter"
  member  = google_service_account.function[each.key].member
}
