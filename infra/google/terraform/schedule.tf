# The clock: one call each minute. A minute that is missed is made good by the next.

resource "google_cloud_scheduler_job" "tick" {
  name             = "lockstep-tick"
  description      = "Lockstep: polls, renewals, clock triggers, whatever was forgotten"
  region           = var.region
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.declared.tick.timeout}s"

  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${local.base_url}/tick"

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = "${local.base_url}/tick"
    }
  }

  depends_on = [google_cloud_run_v2_service_iam_binding.invoker]
}
