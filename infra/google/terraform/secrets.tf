# The key that users' credentials are sealed with, and the secrets. Their values never pass through Terraform, whose state
# would keep them: docs/deploy.md says how each is put in.

resource "google_kms_key_ring" "lockstep" {
  name       = "lockstep"
  location   = var.region
  depends_on = [google_project_service.needed]
}

resource "google_kms_crypto_key" "credentials" {
  name            = "credentials"
  key_ring        = google_kms_key_ring.lockstep.id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = "7776000s" # 90 days; what older versions sealed can still be opened

  lifecycle {
    prevent_destroy = true # with it all users' consents would be lost
  }
}

resource "google_kms_crypto_key_iam_binding" "credentials" {
  crypto_key_id = google_kms_crypto_key.credentials.id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  members       = [for name, function in local.functions : google_service_account.function[name].member if function.calendar]
}

resource "google_secret_manager_secret" "each" {
  for_each = local.secrets

  secret_id = "lockstep-${each.key}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_iam_binding" "readers" {
  for_each = local.secrets

  secret_id = google_secret_manager_secret.each[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  members   = [for name in each.value : google_service_account.function[name].member]
}
